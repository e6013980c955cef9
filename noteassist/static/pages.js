"use strict";

// The token stands behind the #, which browsers send to nobody.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const form = document.getElementById("form");
const message = document.getElementById("message");

function say(text, failed) {
  message.textContent = text;
  message.className = failed ? "failed" : "";
}

async function submit(event) {
  event.preventDefault();
  const body = { token };
  for (const field of form.querySelectorAll("input")) {
    body[field.name] = field.value;
  }
  try {
    const answer = await fetch(form.dataset.path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (answer.ok) {
      form.hidden = true;
      say(form.dataset.done, false);
      return;
    }
    const problem = await answer.json();
    const reasons = Object.values((problem.errors && problem.errors.json) || {}).flat();
    say(reasons.join(" ") || problem.detail, true);
  } catch (error) {
    say("The server cannot be reached. Try again.", true);
  }
}

if (token) {
  form.addEventListener("submit", submit);
} else {
  form.hidden = true;
  say("This link is not complete: copy it from the mail as a whole.", true);
}
