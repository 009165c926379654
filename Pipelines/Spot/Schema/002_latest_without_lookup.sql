-- Rows of spot_latest get their key_id from market_keys in the statement that stores them, and keys are never deleted: to look each one up again took a quarter of the time of a first slot.
ALTER TABLE spot.spot_latest DROP CONSTRAINT spot_latest_key_id_fkey;
