-- Gives the work of dead hosts back, for the caller (which is not dead) and in one round trip: a caller that freezes between two would keep the rows
-- of the dead locked. Each statement of a function sees what was committed before it, so a claim that a dead host committed late is found too.
-- A host is dead when its lease has run out, or when nobody holds its advisory lock although server and host have been up for a while.
CREATE FUNCTION free_the_dead(caller bigint, hub_key bigint, OUT dead bigint[], OUT freed bigint) LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    SELECT array_agg(d.host_no) INTO dead FROM (
        SELECT h.host_no FROM hosts h WHERE h.host_no <> caller AND (
            h.leased_until < clock_timestamp()
            OR (pg_postmaster_start_time() < clock_timestamp() - interval '10 seconds' AND h.started_at < clock_timestamp() - interval '1 second'
                AND pg_try_advisory_xact_lock(hub_key # h.host_no)))
        ORDER BY h.host_no FOR UPDATE OF h SKIP LOCKED) d;
    freed := 0;
    IF dead IS NULL THEN
        RETURN;
    END IF;
    UPDATE instances SET owner = NULL, lease_epoch = lease_epoch + 1 WHERE owner = ANY (dead);
    GET DIAGNOSTICS n = ROW_COUNT;
    freed := freed + n;
    UPDATE activities SET owner = NULL WHERE owner = ANY (dead);
    GET DIAGNOSTICS n = ROW_COUNT;
    freed := freed + n;
    DELETE FROM hosts WHERE host_no = ANY (dead);
END $$;
