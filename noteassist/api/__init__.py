"""HTTP manners, the same for every blueprint: answers, errors, pages, preconditions, retries, documentation."""
