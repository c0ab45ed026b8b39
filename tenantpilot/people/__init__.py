"""Pages of people and rights: members of a workspace, invitations, one's own password and sessions."""
