#!/bin/sh
# Asks the sample store of `make run` with nothing but curl: sh examples/curl.sh [URL]
#
# The recommendations and events have the paths that SDKs use; every operation is also at POST /<OperationName>.
set -eu
server=${1:-http://127.0.0.1:8484}
json='content-type: application/json'
campaigns=arn:aws:personalize:us-east-1:000000000000:campaign/sample-store

echo '# Which campaigns are there?'
curl -s "$server/ListCampaigns" -H "$json" -d '{"maxResults": 10}'
echo

echo '# What would u0042 like?'
curl -s "$server/recommendations" -H "$json" \
    -d "{\"campaignArn\": \"$campaigns-for-you\", \"userId\": \"u0042\", \"numResults\": 5}"
echo

echo '# What goes with a coffee?'
curl -s "$server/recommendations" -H "$json" \
    -d "{\"campaignArn\": \"$campaigns-similar\", \"itemId\": \"coffee-01\", \"numResults\": 5}"
echo

echo '# In which order should u0042 see these?'
curl -s "$server/personalize-ranking" -H "$json" \
    -d "{\"campaignArn\": \"$campaigns-ranking\", \"userId\": \"u0042\",
         \"inputList\": [\"camping-01\", \"spices-03\", \"jazz-02\", \"cookware-05\"]}"
echo

echo '# u0042 looks at something.'
tracker=$(curl -s "$server/ListEventTrackers" -H "$json" -d '{}' |
    sed -n 's/.*"eventTrackerArn":"\([^"]*\)".*/\1/p')
tracking_id=$(curl -s "$server/DescribeEventTracker" -H "$json" -d "{\"eventTrackerArn\": \"$tracker\"}" |
    sed -n 's/.*"trackingId":"\([^"]*\)".*/\1/p')
curl -s "$server/events" -H "$json" \
    -d "{\"trackingId\": \"$tracking_id\", \"userId\": \"u0042\", \"sessionId\": \"curl\", \"eventList\":
         [{\"eventType\": \"View\", \"itemId\": \"camping-01\", \"sentAt\": $(date +%s)}]}"

echo '# And now?'
curl -s "$server/recommendations" -H "$json" \
    -d "{\"campaignArn\": \"$campaigns-for-you\", \"userId\": \"u0042\", \"numResults\": 5}"
echo
