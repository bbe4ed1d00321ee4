"""The same route as a textbook writes it: FastAPI, Pydantic, the SQLAlchemy ORM in async, one session a request."""
