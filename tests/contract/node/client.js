// Calls Guanhu with Node's own gRPC: an officer registers a minor, opens a case, reads it back, and is refused once.
// node client.js ADDRESS PROTOS IDENTITY REQUESTS: folders of the protos and of the identity, a JSON file of requests.
// Prints one JSON line for each request: the answer, or the code with what stands in the trailer.
"use strict";

const fs = require("fs");
const path = require("path");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [address, protos, identity, requests] = process.argv.slice(2);
const file = (name) => fs.readFileSync(path.join(identity, name));
const loaded = loader.loadSync("guanhu/intake/v1/intake_service.proto", {
  includeDirs: [protos],
  keepCase: true,
  enums: String,
  longs: String,
});
const { IntakeService } = grpc.loadPackageDefinition(loaded).guanhu.intake.v1;
const credentials = grpc.credentials.createSsl(file("ca.pem"), file("agency.key"), file("agency.pem"));
const client = new IntakeService(address, credentials);
const metadata = new grpc.Metadata();
metadata.set("authorization", `Bearer ${file("token")}`);

function call({ method, request }) {
  return new Promise((resolve) => {
    client[method](request, metadata, { deadline: Date.now() + 10000 }, (error, answer) => {
      if (!error) return resolve({ answer });
      const [details] = error.metadata.get("grpc-status-details-bin");
      resolve({ code: grpc.status[error.code], details: details ? details.toString("latin1") : "" });
    });
  });
}

(async () => {
  for (const request of JSON.parse(fs.readFileSync(requests, "utf8"))) {
    console.log(JSON.stringify(await call(request)));
  }
  client.close();
})();
