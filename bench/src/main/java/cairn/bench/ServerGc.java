package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.GcMessages;
import cairn.cli.Sizes;
import cairn.client.StoreClient;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Garbage collection by a server, when it is asked for. */
final class ServerGc {
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    /**
     * What collections took, one after the other.
     *
     * @param runs how many they were
     * @param seconds until they had ended
     * @param cpuSeconds of the collector, by its own account
     * @param serverCpuSeconds of the server in this time, for whatever it did
     * @param givenBackBytes of segments; negative if they have grown
     */
    record Result(int runs, double seconds, double cpuSeconds, double serverCpuSeconds, long givenBackBytes) {
        static final Result NONE = new Result(0, 0, 0, 0, 0);

        Result plus(Result other) {
            return new Result(
                    runs + other.runs,
                    Spread.rounded(seconds + other.seconds),
                    Spread.rounded(cpuSeconds + other.cpuSeconds),
                    Spread.rounded(serverCpuSeconds + other.serverCpuSeconds),
                    givenBackBytes + other.givenBackBytes);
        }
    }

    private ServerGc() {}

    /** Options of a server that collects nothing before it is asked. @param settle as {@code cairn serve} takes it */
    static List<String> options(String settle) {
        return List.of("--gc-every", "off", "--settle", settle);
    }

    /** How long who asks what would come back has to wait for that. */
    static Duration dryRun(MeasuredServer server) {
        StoreClient client = server.connect();
        long start = System.nanoTime();
        client.gc(new GcMessages.Act(GcMessages.DRY_RUN, null));
        return Duration.ofNanos(System.nanoTime() - start);
    }

    /**
     * Gives back what can be, and settles what may be.
     *
     * @throws StoreException INTERNAL if any of it fails
     */
    static Result collect(MeasuredServer server) {
        StoreClient client = server.connect();
        Duration cpuBefore = server.cpu();
        long start = System.nanoTime();
        GcMessages.Status status = await(client, client.gc(new GcMessages.Act(GcMessages.RUN, null)));
        Duration wall = Duration.ofNanos(System.nanoTime() - start);
        GcMessages.Result last = status.last();
        if (last == null || last.error() != null || last.extentsFailed() > 0 || status.alarm() != null) {
            throw new StoreException(
                    Fault.INTERNAL, "garbage collection failed: " + last + ", alarm " + status.alarm());
        }
        return new Result(
                1,
                Sizes.secondsOf(wall),
                last.cpuMillis() / 1e3,
                Sizes.secondsOf(server.cpu().minus(cpuBefore)),
                last.givenBackBytes() + last.packedBytes());
    }

    private static GcMessages.Status await(StoreClient client, GcMessages.Done asked) {
        GcMessages.Status status = asked.status();
        while (status.runs() < asked.run()) {
            LockSupport.parkNanos(LOOK_AGAIN_NANOS);
            status = client.gc();
        }
        return status;
    }
}
