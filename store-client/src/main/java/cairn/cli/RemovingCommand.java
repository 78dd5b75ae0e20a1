package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.client.StoreClient;
import java.util.List;
import java.util.Set;

/** A command that removes things, of which one that cannot be removed does not keep the others. @param <I> their ids */
abstract class RemovingCommand<I> extends StoreCommand {
    /** What is wrong with one id, and need not be with the next. */
    private static final Set<Fault> OF_ONE = Set.of(Fault.NOT_FOUND, Fault.FORBIDDEN, Fault.CONFLICT);

    RemovingCommand(Terminal terminal) {
        super(terminal);
    }

    /**
     * What to remove. On the command line these are any number of parameters of arity 1: of one that takes many, the
     * parser would leave out malformed ones and complain of too many words.
     */
    abstract List<I> ids();

    abstract void remove(StoreClient client, I id);

    @Override
    final int run(StoreClient client) {
        int exitCode = DONE;
        for (I id : ids()) {
            try {
                remove(client, id);
                terminal.say("removed %s", id);
            } catch (StoreException e) {
                if (!OF_ONE.contains(e.fault())) {
                    throw e;
                }
                terminal.say("cairn: %s", e.getMessage());
                exitCode = FAILED;
            }
        }
        return exitCode;
    }
}
