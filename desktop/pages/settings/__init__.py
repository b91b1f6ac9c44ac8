"""The Settings page: the workspace, the look, endpoints and keys, this machine, diagnostics, licences."""
