"""The engines and processes of one machine: started, watched and stopped, with nothing left behind."""
