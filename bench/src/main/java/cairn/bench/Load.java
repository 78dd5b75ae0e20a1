package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.client.NbdReader;
import cairn.client.StoreClient;
import cairn.disk.DiskSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Work that goes on at a server until it is stopped: one image after the other is booted, another pushed. */
final class Load implements AutoCloseable {
    private final StoreClient client;
    private final DiskFamily family;
    private final ExecutorService threads = Executors.newFixedThreadPool(2);
    private final List<Double> readMicros = new ArrayList<>();
    private final List<Double> bootMillis = new ArrayList<>();
    private final List<Double> pushMillis = new ArrayList<>();
    private final List<Member> pushed = new ArrayList<>();
    private final List<Future<?>> running;
    private volatile boolean isStopped;

    /** An image of one of the family's disks. */
    record Member(int number, Pushed image) {}

    /**
     * What was done.
     *
     * @param readMicros of each read of each boot
     * @param bootMillis of each boot's reads together
     * @param pushed in this time
     */
    record Done(List<Double> readMicros, List<Double> bootMillis, List<Double> pushMillis, List<Member> pushed) {}

    private interface Work {
        void once(int turn);
    }

    /**
     * Begins.
     *
     * @param booted by turns; none of them is removed meanwhile
     * @param firstPushed the number of the first disk that is pushed; the next is the next
     */
    Load(StoreClient client, DiskFamily family, BootTraces traces, List<Member> booted, int firstPushed) {
        this.client = client;
        this.family = family;
        this.running = List.of(
                threads.submit(() -> repeat(turn -> boot(traces, booted.get(turn % booted.size())))),
                threads.submit(() -> repeat(turn -> push(firstPushed + turn))));
    }

    private void repeat(Work work) {
        try {
            for (int turn = 0; !isStopped; turn++) {
                work.once(turn);
            }
        } finally {
            // The other one need not go on.
            isStopped = true;
        }
    }

    private void boot(BootTraces traces, Member member) {
        try (DiskSource disk = family.open(member.number);
                NbdReader reader = NbdReader.connect(member.image.bootUri(client))) {
            DiskReads expected = new DiskReads(disk);
            long[] nanos = traces.of(member.number)
                    .replay(reader, 0, (read, bytes) -> expected.requireEqual(read.offset(), bytes));
            Arrays.stream(nanos).forEach(each -> readMicros.add(each / 1e3));
            bootMillis.add(Arrays.stream(nanos).sum() / 1e6);
        }
    }

    private void push(int number) {
        try (DiskSource disk = family.open(number)) {
            long start = System.nanoTime();
            Pushed image = Pushed.push(client, disk, "pushed " + number);
            pushMillis.add((System.nanoTime() - start) / 1e6);
            pushed.add(new Member(number, image));
        }
    }

    /** Whether something has failed; then {@link #stop} says what. */
    boolean isStopped() {
        return isStopped;
    }

    /** Has what is under way end. @throws StoreException what the first work that failed threw */
    Done stop() {
        isStopped = true;
        try {
            for (Future<?> each : running) {
                each.get();
            }
        } catch (ExecutionException e) {
            throw new StoreException(Fault.of(e), Fault.cause(e).getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.SHUTTING_DOWN, "interrupted", e);
        }
        return new Done(readMicros, bootMillis, pushMillis, pushed);
    }

    @Override
    public void close() {
        isStopped = true;
        threads.shutdown();
    }
}
