"""What NoteAssist decides: modules of verbs, the actor first. No Flask, no marshmallow, no commit."""
