package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Many machines that boot from a server at once, in this process, by a thread for each core at most. */
final class Storm {
    private static final long SILENT_NANOS_MAX = TimeUnit.SECONDS.toNanos(60);

    private final BootTrace trace;
    private final boolean isThinking;
    private final int boots;

    /**
     * What all of them saw.
     *
     * @param readMicros of each read
     * @param bootMillis that each boot waited for its reads
     * @param clientCpuSeconds of this process
     */
    record Seen(double wallSeconds, double[] readMicros, double[] bootMillis, double clientCpuSeconds) {}

    /** A machine that thinks until a time. */
    private record Thinking(long untilNanos, StormMachine machine) {}

    /**
     * @param isThinking whether the recorded time between reads is waited
     * @param boots of each machine, one after the other
     */
    Storm(BootTrace trace, boolean isThinking, int boots) {
        this.trace = trace;
        this.isThinking = isThinking;
        this.boots = boots;
    }

    /** Has them all connect, then boot. @throws StoreException what the first thread that failed threw */
    Seen blow(Subject.Open server, int machines) {
        int count = Math.min(machines, Runtime.getRuntime().availableProcessors());
        ExecutorService threads = Executors.newFixedThreadPool(count);
        List<Crowd> crowds = new ArrayList<>();
        try {
            for (int n = 0; n < count; n++) {
                crowds.add(new Crowd());
            }
            for (int n = 0; n < machines; n++) {
                crowds.get(n % count).add(URI.create(server.uri(n)));
            }
            Duration cpuBefore = ProcessUse.ownCpu();
            long start = System.nanoTime();
            List<Future<Void>> running = new ArrayList<>();
            for (Crowd crowd : crowds) {
                running.add(threads.submit(crowd));
            }
            for (Future<Void> each : running) {
                each.get();
            }
            double wallSeconds = (System.nanoTime() - start) / 1e9;
            double cpuSeconds = ProcessUse.ownCpu().minus(cpuBefore).toNanos() / 1e9;
            return new Seen(
                    wallSeconds,
                    crowds.stream()
                            .flatMap(crowd -> crowd.readMicros.stream())
                            .flatMapToDouble(Arrays::stream)
                            .toArray(),
                    crowds.stream()
                            .flatMap(crowd -> crowd.bootMillis.stream())
                            .mapToDouble(Double::doubleValue)
                            .toArray(),
                    cpuSeconds);
        } catch (ExecutionException e) {
            throw new StoreException(Fault.of(e), Fault.cause(e).getMessage(), e);
        } catch (IOException e) {
            throw new StoreException(Fault.UNAVAILABLE, "cannot connect: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.SHUTTING_DOWN, "interrupted", e);
        } finally {
            // One that failed leaves the others without connections, so that they end too.
            crowds.forEach(Crowd::close);
            threads.shutdown();
        }
    }

    /** The machines of one thread. */
    private final class Crowd implements Callable<Void>, AutoCloseable {
        private final Selector selector = Selector.open();
        private final List<StormMachine> machines = new ArrayList<>();
        private final PriorityQueue<Thinking> thinking =
                new PriorityQueue<>(Comparator.comparingLong(Thinking::untilNanos));
        private final ByteBuffer answers = ByteBuffer.allocateDirect(
                trace.reads().stream().mapToInt(BootTrace.Read::lengthBytes).max().orElse(0));
        private final List<double[]> readMicros = new ArrayList<>();
        private final List<Double> bootMillis = new ArrayList<>();
        private int bootsLeft;

        Crowd() throws IOException {}

        void add(URI uri) throws IOException {
            StormMachine machine = new StormMachine(uri, trace.reads(), answers);
            machines.add(machine);
            machine.channel().register(selector, SelectionKey.OP_READ, new Turns(machine));
        }

        @Override
        public Void call() throws IOException {
            bootsLeft = machines.size() * boots;
            for (StormMachine machine : machines) {
                machine.ask();
            }
            while (bootsLeft > 0) {
                long start = System.nanoTime();
                selector.select(this::take, waitMillis(start));
                wake();
                if (thinking.isEmpty() && System.nanoTime() - start > SILENT_NANOS_MAX) {
                    throw new StoreException(Fault.UNAVAILABLE, "the server has answered nothing for a minute");
                }
            }
            return null;
        }

        /** At least one, since 0 would be for ever: a read comes up to a millisecond later than recorded. */
        private long waitMillis(long now) {
            long nanos = thinking.isEmpty() ? SILENT_NANOS_MAX + 1 : thinking.peek().untilNanos - now;
            return Math.max(1, TimeUnit.NANOSECONDS.toMillis(nanos) + (thinking.isEmpty() ? 1 : 0));
        }

        private void take(SelectionKey key) {
            Turns turns = (Turns) key.attachment();
            try {
                if (!turns.machine.take()) {
                    return;
                }
                if (turns.machine.isDone() && !turns.again()) {
                    key.cancel();
                    return;
                }
                next(turns.machine);
            } catch (IOException e) {
                throw new StoreException(Fault.UNAVAILABLE, "a connection broke: " + e.getMessage(), e);
            }
        }

        private void next(StormMachine machine) throws IOException {
            long thinkNanos = isThinking ? machine.next().think().toNanos() : 0;
            if (thinkNanos == 0) {
                machine.ask();
            } else {
                thinking.add(new Thinking(System.nanoTime() + thinkNanos, machine));
            }
        }

        private void wake() throws IOException {
            long now = System.nanoTime();
            while (!thinking.isEmpty() && thinking.peek().untilNanos <= now) {
                thinking.poll().machine.ask();
            }
        }

        /** One machine's boots. */
        private final class Turns {
            private final StormMachine machine;
            private int left = boots;

            Turns(StormMachine machine) {
                this.machine = machine;
            }

            /** Notes a boot that has ended. @return whether there is another */
            boolean again() {
                double[] micros = machine.micros().clone();
                readMicros.add(micros);
                bootMillis.add(Arrays.stream(micros).sum() / 1e3);
                bootsLeft--;
                machine.restart();
                return --left > 0;
            }
        }

        @Override
        public void close() {
            machines.forEach(StormMachine::close);
            try {
                selector.close();
            } catch (IOException e) {
                // Nothing is left to be selected.
            }
        }
    }
}
