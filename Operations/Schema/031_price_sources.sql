-- Where the hourly price of a leased machine is from, and of when.
ALTER TABLE operations.leased_machines ADD COLUMN price_source text NOT NULL DEFAULT 'configured';
