package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Json;
import cairn.client.StoreClient;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** A command that talks to a store. */
abstract class StoreCommand implements Callable<Integer> {
    static final int DONE = 0;
    static final int FAILED = 1;
    static final int WRONG_USAGE = 2;

    protected final Terminal terminal;

    @Mixin
    private StoreOptions store;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this and end")
    private boolean isHelp;

    StoreCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public final Integer call() {
        StoreClient client = store.connect(terminal);
        try {
            return run(client);
        } catch (StoreException e) {
            if (e.fault() == Fault.UNAUTHENTICATED) {
                StoreOptions.Key key = store.key(terminal);
                throw new StoreException(
                        e.fault(),
                        e.getMessage() + " (access key " + key.credentials().accessKeyId() + " from " + key.origin() + ")",
                        e);
            }
            throw e;
        }
    }

    /** @return the exit code */
    abstract int run(StoreClient client);

    /** One object, for scripts. */
    final void printJson(Object message) {
        terminal.out().println(Json.pretty(message));
    }
}
