-- A task hub: instances, their history, messages to them, and activities waiting to run. Unqualified names: the connection's search_path is the hub.
-- Lock order in every transaction: instances (by id) → history → activities → inbox.

CREATE TABLE hosts (
    host_no      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT now(),
    leased_until timestamptz NOT NULL
);
COMMENT ON TABLE hosts IS 'Living host processes. A host also holds an advisory lock on its number for as long as its connection lives.';

CREATE SEQUENCE run_numbers;

CREATE TABLE instances (
    instance_id      text COLLATE "C" PRIMARY KEY,
    run_no           bigint NOT NULL DEFAULT nextval('run_numbers'),
    execution_id     uuid NOT NULL,
    name             text NOT NULL,
    version          text,
    status           smallint NOT NULL,
    generation       int NOT NULL DEFAULT 0,
    continued        boolean NOT NULL DEFAULT false,
    input            text,
    output           text,
    output_is_text   boolean NOT NULL DEFAULT false,
    custom_status    text,
    failure          text,
    tags             text,
    trace_parent     text,
    parent           text,
    parent_id        text COLLATE "C",
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    completed_at     timestamptz,
    scheduled_start  timestamptz,
    turn_no          bigint NOT NULL DEFAULT 0,
    history_length   int NOT NULL DEFAULT 0,
    sent             bigint NOT NULL DEFAULT 0,
    handled          bigint NOT NULL DEFAULT 0,
    due_at           timestamptz,
    owner            bigint,
    lease_epoch      bigint NOT NULL DEFAULT 0,
    CONSTRAINT instance_id_fits CHECK (length(instance_id) BETWEEN 1 AND 1024),
    CONSTRAINT handled_is_sent CHECK (handled <= sent)
) WITH (fillfactor = 60);
COMMENT ON COLUMN instances.status IS 'Number of the official OrchestrationRuntimeStatus: 0 Running, 1 Completed, 3 Failed, 4 Canceled, 5 Terminated, 6 Pending, 7 Suspended.';
COMMENT ON COLUMN instances.run_no IS 'Key of one execution: new with every start and every ContinueAsNew.';
COMMENT ON COLUMN instances.sent IS 'Messages ever sent to the instance; sent > handled means there is something to do.';
COMMENT ON COLUMN instances.due_at IS 'Earliest open timer or scheduled start.';
COMMENT ON COLUMN instances.owner IS 'Host that may write turns; lease_epoch fences one that held it before.';
COMMENT ON COLUMN instances.turn_no IS 'Turns committed; tells a commit whose reply was lost from one that never happened.';

CREATE INDEX instances_with_mail ON instances (instance_id) WHERE owner IS NULL AND sent > handled;
CREATE INDEX instances_due ON instances (due_at) WHERE owner IS NULL AND due_at IS NOT NULL;
CREATE INDEX instances_owned ON instances (owner) WHERE owner IS NOT NULL;
CREATE INDEX instances_children ON instances (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX instances_created ON instances (created_at);

CREATE TABLE history (
    run_no   bigint NOT NULL,
    sequence int NOT NULL,
    kind     smallint NOT NULL,
    task_id  int NOT NULL,
    at       timestamptz NOT NULL,
    name     text,
    data     text,
    detail   text,
    PRIMARY KEY (run_no, sequence)
);
COMMENT ON TABLE history IS 'Events of each execution. The input of ExecutionStarted is kept once, in instances.';

CREATE TABLE inbox (
    message_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    instance_id text COLLATE "C" NOT NULL,
    run_no      bigint,
    kind        smallint NOT NULL,
    task_id     int NOT NULL,
    name        text,
    data        text,
    detail      text
);
CREATE INDEX inbox_of_instance ON inbox (instance_id, message_id);
COMMENT ON COLUMN inbox.run_no IS 'Set where the message answers a call of one execution; another execution ignores it.';

CREATE TABLE activities (
    run_no       bigint NOT NULL,
    task_id      int NOT NULL,
    position     bigint GENERATED ALWAYS AS IDENTITY,
    instance_id  text COLLATE "C" NOT NULL,
    name         text NOT NULL,
    version      text,
    input        text,
    trace_parent text,
    deliveries   int NOT NULL DEFAULT 0,
    starts       int NOT NULL DEFAULT 0,
    owner        bigint,
    PRIMARY KEY (run_no, task_id)
);
CREATE INDEX activities_waiting ON activities (position) WHERE owner IS NULL;
CREATE INDEX activities_owned ON activities (owner) WHERE owner IS NOT NULL;
COMMENT ON COLUMN activities.starts IS 'Times a redelivered call was begun; being claimed ahead by a host that dies is no fault of the call.';
COMMENT ON TABLE activities IS 'Calls without a result. Rows of a dead host lose their owner and are delivered again.';

-- Stops a transaction that would write turns of instances the host no longer holds. Locks every instance of the transaction first, in one order,
-- so that hosts that write to each other's instances do not deadlock. The message lists what to drop: "lost" (held by somebody else by now, or gone)
-- and "applied" (this very turn is in already; only the reply was lost).
CREATE FUNCTION fence(host bigint, ids text[], epochs bigint[], turns bigint[], others text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    refused text;
BEGIN
    PERFORM 1 FROM instances WHERE instance_id = ANY (ids || others) ORDER BY instance_id FOR NO KEY UPDATE;
    SELECT string_agg(CASE WHEN i.lease_epoch = t.epoch AND i.turn_no > t.turn THEN 'applied ' ELSE 'lost ' END || t.place, ',')
    INTO refused
    FROM unnest(ids, epochs, turns) WITH ORDINALITY AS t (id, epoch, turn, place)
    LEFT JOIN instances i ON i.instance_id = t.id
    WHERE i.instance_id IS NULL OR i.owner IS DISTINCT FROM host OR i.lease_epoch <> t.epoch OR i.turn_no <> t.turn;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION '%', refused USING ERRCODE = 'DU001';
    END IF;
END $$;
