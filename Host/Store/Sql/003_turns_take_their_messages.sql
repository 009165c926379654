-- The fence also takes the messages that the turns consume: message messages[n] by the turn at places[n] (from 1). A turn whose messages are not all
-- still there, or that names one twice, was built on an inbox that has changed since it was read; it is refused as "stale" and built again.
-- Whoever adds or takes messages of an instance locks the instance first, so what is found here stays until the commit.
CREATE FUNCTION fence(host bigint, ids text[], epochs bigint[], turns bigint[], others text[], messages bigint[], places bigint[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    refused text;
BEGIN
    PERFORM fence(host, ids, epochs, turns, others);
    IF messages = '{}' THEN
        RETURN;
    END IF;
    WITH asked AS MATERIALIZED (SELECT * FROM unnest(messages, places) AS a (message_id, place)),
    gone AS (DELETE FROM inbox b USING asked a WHERE b.message_id = a.message_id AND b.instance_id = ids[a.place] RETURNING a.place)
    SELECT string_agg('stale ' || a.place, ',') INTO refused
    FROM (SELECT place, count(*) AS n FROM asked GROUP BY place) a
    LEFT JOIN (SELECT place, count(*) AS n FROM gone GROUP BY place) g USING (place)
    WHERE g.n IS DISTINCT FROM a.n;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION '%', refused USING ERRCODE = 'DU001';
    END IF;
END $$;
