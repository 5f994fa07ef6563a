"""keys_status, keys_rotate, encryption_scan, organization_seal, organization_unseal."""
