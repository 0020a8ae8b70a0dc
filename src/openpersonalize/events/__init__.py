"""The events API: records that arrive one by one."""
