package cairn.server.nbd;

import cairn.Fault;
import cairn.StoreException;
import cairn.server.volume.Volume;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executor;
import java.util.function.Supplier;

/** Exports with one volume in them: "disk", which remote peers open as "disk:secret". */
final class OneExport implements Exports {
    static final String NAME = "disk";
    static final String REMOTE_NAME = "disk:secret";
    static final String DESCRIPTION = "a pattern";

    private final Supplier<? extends Volume> volumes;
    private final Executor executor;
    final Queue<Peer> opened = new ConcurrentLinkedQueue<>();

    OneExport(Supplier<? extends Volume> volumes) {
        this(volumes, Runnable::run);
    }

    /** One that opens on an executor. */
    OneExport(Supplier<? extends Volume> volumes, Executor executor) {
        this.volumes = volumes;
        this.executor = executor;
    }

    @Override
    public CompletableFuture<List<String>> list(Peer peer) {
        return CompletableFuture.supplyAsync(() -> peer == Peer.LOCAL ? List.of(NAME) : List.of(), executor);
    }

    @Override
    public CompletableFuture<Export> open(String exportName, Peer peer) {
        return CompletableFuture.supplyAsync(() -> {
            if (exportName.equals(REMOTE_NAME) || exportName.equals(NAME) && peer == Peer.LOCAL) {
                opened.add(peer);
                return new Export(NAME, DESCRIPTION, volumes.get());
            }
            Fault fault = exportName.startsWith(NAME) ? Fault.UNAUTHENTICATED : Fault.NOT_FOUND;
            throw new StoreException(fault, "no export for that name");
        }, executor);
    }

    /** An executor that runs what it was given when a test says so. */
    static final class Later implements Executor {
        private final ArrayDeque<Runnable> tasks = new ArrayDeque<>();

        @Override
        public void execute(Runnable task) {
            tasks.add(task);
        }

        int size() {
            return tasks.size();
        }

        void runFirst() {
            tasks.removeFirst().run();
        }

        void runLast() {
            tasks.removeLast().run();
        }

        void runAll() {
            while (!tasks.isEmpty()) {
                runFirst();
            }
        }
    }
}
