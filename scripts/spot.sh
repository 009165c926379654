# shellcheck shell=bash
# ./run spot: where there is no AWS account, gives the collector a market on this machine. Needs common.sh, setup.sh, sandbox.sh.

# Points the app at the sandbox, with a bucket and an account that may ask as much as it wants. What the environment says stands.
spot_on_sandbox() {
  sandbox_start
  say "No AWS account is configured: using the sandbox on $AWS_ENDPOINT_URL (its market follows from names and the hour)."
  aws s3api create-bucket --bucket spot-desk --create-bucket-configuration "LocationConstraint=$AWS_REGION" >/dev/null
  curl -fsS -X POST "$AWS_ENDPOINT_URL/sandbox/settings" -d '{"placementConfigurations": 1000000}' >/dev/null
  export Spot__Bucket=spot-desk Spot__AdvisorUrl="$AWS_ENDPOINT_URL/sandbox/spot-advisor-data.json" Spot__QueriesPerAccount="${Spot__QueriesPerAccount:-100000}"
}
