-- Both fences in one, with what they refuse as JSON in a field of its own instead of in the message:
-- [{"Turn": place from 1, "Fate": "Lost" | "Applied" | "Stale"}]. See 001 and 003 for what they guard. The fences there stay for hosts of the
-- version before, which may run beside this one; a later step drops them.
CREATE FUNCTION fence_turns(
    host bigint, ids text[], epochs bigint[], turns bigint[], others text[], messages bigint[], places bigint[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    refused jsonb;
BEGIN
    PERFORM 1 FROM instances WHERE instance_id = ANY (ids || others) ORDER BY instance_id FOR NO KEY UPDATE;
    SELECT jsonb_agg(jsonb_build_object(
        'Turn', t.place, 'Fate', CASE WHEN i.lease_epoch = t.epoch AND i.turn_no > t.turn THEN 'Applied' ELSE 'Lost' END))
    INTO refused
    FROM unnest(ids, epochs, turns) WITH ORDINALITY AS t (id, epoch, turn, place)
    LEFT JOIN instances i ON i.instance_id = t.id
    WHERE i.instance_id IS NULL OR i.owner IS DISTINCT FROM host OR i.lease_epoch <> t.epoch OR i.turn_no <> t.turn;
    IF refused IS NULL AND messages <> '{}' THEN
        WITH asked AS MATERIALIZED (SELECT * FROM unnest(messages, places) AS a (message_id, place)),
        gone AS (
            DELETE FROM inbox b USING asked a WHERE b.message_id = a.message_id AND b.instance_id = ids[a.place] RETURNING a.place
        )
        SELECT jsonb_agg(jsonb_build_object('Turn', a.place, 'Fate', 'Stale')) INTO refused
        FROM (SELECT place, count(*) AS n FROM asked GROUP BY place) a
        LEFT JOIN (SELECT place, count(*) AS n FROM gone GROUP BY place) g USING (place)
        WHERE g.n IS DISTINCT FROM a.n;
    END IF;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'turns refused' USING ERRCODE = 'DU001', HINT = refused::text;
    END IF;
END $$;
