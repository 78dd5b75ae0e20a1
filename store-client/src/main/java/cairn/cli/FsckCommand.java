package cairn.cli;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/** Listed in the help; the launcher starts the server's program, for the store is opened without a server. */
@Command(
        name = "fsck",
        description = "Prove a store that no server has open: [--data DIR] [--rebuild-index] [--json].")
final class FsckCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Unmatched
    private List<String> arguments;

    FsckCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        terminal.say("cairn: this is the client; `cairn fsck` is part of the server, and started by the launcher, or by"
                + " java -jar cairn-server.jar fsck");
        return StoreCommand.FAILED;
    }
}
