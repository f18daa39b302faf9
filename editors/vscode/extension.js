// Starts `pbpoc lsp` for .pbpo files.
const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = function (context) {
  const command = workspace.getConfiguration("pbpoc").get("path", "pbpoc");
  client = new LanguageClient(
    "pbpoc",
    "pbpoc",
    { command, args: ["lsp"] },
    { documentSelector: [{ scheme: "file", language: "pbpo" }] }
  );
  context.subscriptions.push(client);
  return client.start();
};

exports.deactivate = function () {
  return client ? client.stop() : undefined;
};
