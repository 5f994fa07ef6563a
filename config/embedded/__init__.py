"""The engines and processes of one machine: PostgreSQL and Valkey from wheels, started, watched and stopped with nothing left behind."""
