package cairn.cli;

import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/** Listed in the help; the launcher starts the server, which is a program of its own. */
@Command(
        name = "serve",
        description = "Run the server: --data DIR [--listen ADDR] [--http-port N] [--nbd-port N] [--nbd-socket PATH].")
final class ServeCommand implements Callable<Integer> {
    private final Terminal terminal;

    @Unmatched
    private List<String> arguments;

    ServeCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        terminal.say("cairn: this is the client; the server is started by the launcher, `cairn serve`, or by"
                + " java -jar cairn-server.jar");
        return StoreCommand.FAILED;
    }
}
