// A kernel for VS Code's notebooks. Microsoft's own is not on npm; this one does with the messages of a Jupyter kernel what
// that one does: displays are added, those with a display id replaced item by item where they stand, `clear_output` waits.
const vscode = require("vscode");

const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
const item = ([type, value]) => (type.startsWith("image/")
  ? new vscode.NotebookCellOutputItem(bytes(value), type)
  : vscode.NotebookCellOutputItem.text([value].flat().join(""), type));
const items = ({ data }) => Object.entries(data).map(item);

exports.activate = () => {
  const controller = vscode.notebooks.createNotebookController("kernel", "jupyter-notebook", "Jupyter kernel");
  const displays = new Map();
  let before = Promise.resolve();
  let socket;

  const connected = async () => {
    const [{ uri }] = vscode.workspace.workspaceFolders;
    const address = await vscode.workspace.fs.readFile(vscode.Uri.joinPath(uri, "kernel.txt"));
    socket = new WebSocket(new TextDecoder().decode(address));
    await new Promise((open) => { socket.onopen = open; });
  };

  const run = async (cell) => {
    if (!socket) await connected();
    const execution = controller.createNotebookCellExecution(cell);
    execution.start(Date.now());
    await execution.clearOutput();
    const header = { msg_id: crypto.randomUUID(), msg_type: "execute_request", session: "vscode", username: "", version: "5.3" };
    const content = { code: cell.document.getText(), silent: false, store_history: true, allow_stdin: true, stop_on_error: true };
    let clears = false;
    const add = async (output) => {
      await (clears ? execution.replaceOutput([output]) : execution.appendOutput([output]));
      clears = false;
    };
    const take = async ({ parent_header: parent, msg_type: type, content: told }) => {
      if (parent.msg_id !== header.msg_id) return false;
      const id = told.transient?.display_id;
      if (type === "stream") {
        const stream = told.name === "stderr" ? "stderr" : "stdout";
        await add(new vscode.NotebookCellOutput([vscode.NotebookCellOutputItem[stream](told.text)]));
      } else if (type === "display_data" || type === "execute_result") {
        const output = new vscode.NotebookCellOutput(items(told));
        if (id) displays.set(id, output);
        await add(output);
      } else if (type === "update_display_data" && displays.has(id)) {
        await execution.replaceOutputItems(items(told), displays.get(id));
      } else if (type === "error") {
        const { ename: name, evalue: message } = told;
        await add(new vscode.NotebookCellOutput([vscode.NotebookCellOutputItem.error({ name, message })]));
      } else if (type === "clear_output") {
        clears = told.wait;
        if (!clears) await execution.clearOutput();
      }
      return type === "status" && told.execution_state === "idle";
    };
    await new Promise((ended) => {
      let taken = Promise.resolve(); // one after the other
      socket.onmessage = ({ data }) => { taken = taken.then(() => take(JSON.parse(data))).then((idle) => idle && ended()); };
      socket.send(JSON.stringify({ channel: "shell", header, parent_header: {}, metadata: {}, content }));
    });
    execution.end(true, Date.now());
  };

  controller.executeHandler = (cells) => { for (const cell of cells) before = before.then(() => run(cell)); };
  const prefer = (notebook) => controller.updateNotebookAffinity(notebook, vscode.NotebookControllerAffinity.Preferred);
  vscode.workspace.notebookDocuments.forEach(prefer);
  vscode.workspace.onDidOpenNotebookDocument(prefer);
};
