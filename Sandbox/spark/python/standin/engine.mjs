// DuckDB for the stand-in: one request a line on standard input, {sql, parameters}; one answer a line on standard output,
// {columns, types, rows} or {error}. Ends when its input does.
import { createInterface } from "node:readline";
import { DuckDBInstance } from "@duckdb/node-api";

const scratch = process.argv[2];
const instance = await DuckDBInstance.create(":memory:", {
  threads: process.env.SPARK_STANDIN_THREADS ?? "2",
  autoinstall_known_extensions: "false",
  autoload_known_extensions: "false",
  ...(scratch ? { temp_directory: scratch } : {}),
});
const connection = await instance.connect();

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  let answer;
  try {
    const { sql, parameters } = JSON.parse(line);
    const result = await connection.runAndReadAll(sql, parameters);
    answer = { columns: result.columnNames(), types: result.columnTypes().map(String), rows: result.getRowsJson() };
  } catch (fault) {
    answer = { error: fault instanceof Error ? fault.message : String(fault) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
