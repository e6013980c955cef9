"""The work of the plain RQ set-up: it asks the model and inserts a row."""

import httpx
import psycopg

SECONDS = 10.0


def job(number: int, model_url: str, database_url: str) -> None:
    """Ask the model and keep its answer."""
    question = {"role": "user", "content": f"Say something about {number}."}
    body = {"model": "openai/gpt-oss-120b", "messages": [question]}
    headers = {"Authorization": "Bearer test"}
    with httpx.Client(timeout=SECONDS, verify=False, trust_env=False) as client:
        answer = client.post(f"{model_url}/openai/v1/chat/completions", json=body, headers=headers)
    answer.raise_for_status()
    content = answer.json()["choices"][0]["message"]["content"]
    with psycopg.connect(database_url, connect_timeout=3) as connection:
        connection.execute("INSERT INTO ledger (number, content) VALUES (%s, %s)", (number, content))
