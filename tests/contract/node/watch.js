// Watches an agency's messages with Node's own gRPC and keeps one line for each: its position and its obligation.
// node watch.js ADDRESS PROTOS IDENTITY FILE: goes on after the last position in the file, for ever.
"use strict";

const fs = require("fs");
const path = require("path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [address, protos, identity, kept] = process.argv.slice(2);
const file = (name) => fs.readFileSync(path.join(identity, name));
const loaded = loader.loadSync("guanhu/notify/v1/notify_service.proto", {
  includeDirs: [protos],
  keepCase: true,
  enums: String,
  longs: String,
});
const { NotifyService } = grpc.loadPackageDefinition(loaded).guanhu.notify.v1;
const credentials = grpc.credentials.createSsl(file("ca.pem"), file("agency.key"), file("agency.pem"));
const client = new NotifyService(address, credentials);
const purpose = { code: "PURPOSE_CODE_CASE_HANDLING", legal_basis: "HO-05" };

function last() {
  const lines = fs.existsSync(kept) ? fs.readFileSync(kept, "utf8").trim().split("\n") : [""];
  return lines[lines.length - 1].split(" ")[0] || "0";
}

function watch() {
  const stream = client.Watch({ purpose, after: last() });
  stream.on("data", ({ message }) => {
    // The effect and the position are one write: whatever is killed, both are there or neither is.
    if (message) fs.appendFileSync(kept, `${message.position} ${message.obligation_id}\n`);
  });
  stream.on("error", () => {});
  stream.on("close", () => setTimeout(watch, 100));
}

watch();
