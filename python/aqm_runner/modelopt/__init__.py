"""The engine ModelOpt; nothing outside this folder imports it or knows a recipe."""
