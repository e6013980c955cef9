"""Finding notes, topics and AI outputs by their words.

Texts and queries are cut into words here, by one set of rules, so that both databases find the same. The words lie in
`search_entries`, written in the transaction of what they are of, and searched by the database's own index. Every
word is stored with its owner's id before it: a search costs what its owner's notes cost, whatever others have.
"""
