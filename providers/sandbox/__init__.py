"""The Graph sandbox: a local server that speaks Microsoft Graph's wire protocol.

It stands in for Microsoft at the other end of the socket, for the demo, the tests and the benches.
Product code never imports it and it imports no product code.
"""
