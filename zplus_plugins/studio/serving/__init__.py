"""The server of the page: who may ask, what it is told, and one WebSocket for each tab."""
