"""An MCP server of the official Python SDK, with one tool whose description is given."""

import sys

from mcp.server import MCPServer

port, description = int(sys.argv[1]), sys.argv[2]
server = MCPServer("python", version="1.0.0")


@server.tool(description=description)
def add(a: int, b: int) -> int:
    return a + b


server.run("streamable-http", host="127.0.0.1", port=port)
