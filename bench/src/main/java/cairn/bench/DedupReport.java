package cairn.bench;

import cairn.api.Messages;
import cairn.cli.Sizes;
import cairn.cli.Table;
import java.util.List;
import java.util.Locale;

/**
 * What pushing some disks cost, and what was kept of them.
 *
 * @param serverStartCpuSeconds of the server until it was ready
 * @param disks in the order they were pushed
 */
record DedupReport(Machine machine, double serverStartCpuSeconds, List<Disk> disks, Totals totals) implements Report {
    /**
     * One disk.
     *
     * @param id of its image
     * @param dataBytes read from it; the rest are holes
     * @param chunks that are not all zero, each as often as the disk has it
     * @param newChunks that the store keeps more than before
     * @param newStoredBytes that the store takes more than before, everything counted
     * @param ratio data for each stored byte; absent where nothing is new
     */
    record Disk(
            String disk,
            String id,
            long logicalBytes,
            long dataBytes,
            long chunks,
            long newChunks,
            long newStoredBytes,
            Double ratio,
            double seconds,
            double clientCpuSeconds,
            double serverCpuSeconds) {
        static Disk of(
                String disk, DedupCommand.Pushed pushed, Messages.Stats before, Messages.Stats after) {
            long newStoredBytes = after.storedBytes() - before.storedBytes();
            return new Disk(
                    disk,
                    pushed.result().image().id(),
                    pushed.result().logicalBytes(),
                    pushed.result().dataBytes(),
                    pushed.result().chunks(),
                    after.chunks() - before.chunks(),
                    newStoredBytes,
                    ratioOf(pushed.result().dataBytes(), newStoredBytes),
                    Sizes.secondsOf(pushed.result().duration()),
                    Sizes.secondsOf(pushed.clientCpu()),
                    Sizes.secondsOf(pushed.serverCpu()));
        }
    }

    /**
     * All disks together.
     *
     * @param packedBytes sum of the unique chunks as they are packed one by one, counted from the disks themselves
     * @param storedBytes all that the store takes: chunks, pages, index
     * @param overheadPercent stored over packed
     * @param ratio data for each stored byte
     * @param clientProcessCpuSeconds of the client since its process began, that is with the start of Java
     * @param serverProcessCpuSeconds of the server since its process began
     */
    record Totals(
            long logicalBytes,
            long dataBytes,
            long uniqueChunks,
            long uniqueBytes,
            long packedBytes,
            long storedBytes,
            Double overheadPercent,
            Double ratio,
            double seconds,
            double clientCpuSeconds,
            double serverCpuSeconds,
            double clientProcessCpuSeconds,
            double serverProcessCpuSeconds) {}

    static Double ratioOf(long whole, long part) {
        return part <= 0 ? null : Math.round(100.0 * whole / part) / 100.0;
    }

    static Double overheadPercentOf(long storedBytes, long packedBytes) {
        return packedBytes == 0 ? null : Math.round(10_000.0 * (storedBytes - packedBytes) / packedBytes) / 100.0;
    }

    @Override
    public List<Part> parts() {
        return List.of(new Part(table(), remarks()));
    }

    private Table table() {
        Table table = new Table(
                "DISK", ">LOGICAL", ">DATA", ">CHUNKS", ">NEW CHUNKS", ">NEW STORED", ">RATIO", ">SECONDS",
                ">CLIENT CPU S",
                ">SERVER CPU S");
        for (Disk each : disks) {
            table.row(
                    each.disk,
                    Sizes.bytes(each.logicalBytes),
                    Sizes.bytes(each.dataBytes),
                    Sizes.count(each.chunks),
                    Sizes.count(each.newChunks),
                    Sizes.bytes(Math.max(0, each.newStoredBytes)),
                    each.ratio == null ? null : decimal(each.ratio),
                    decimal(each.seconds),
                    decimal(each.clientCpuSeconds),
                    decimal(each.serverCpuSeconds));
        }
        table.row(
                "total",
                Sizes.bytes(totals.logicalBytes),
                Sizes.bytes(totals.dataBytes),
                Sizes.count(disks.stream().mapToLong(Disk::chunks).sum()),
                Sizes.count(totals.uniqueChunks),
                Sizes.bytes(totals.storedBytes),
                totals.ratio == null ? null : decimal(totals.ratio),
                decimal(totals.seconds),
                decimal(totals.clientCpuSeconds),
                decimal(totals.serverCpuSeconds));
        return table;
    }

    private List<String> remarks() {
        return List.of(
                String.format(
                        Locale.ROOT,
                        "Stored: %s, that is %s over the %s of the %s unique chunks packed one by one (%s plain)",
                        Sizes.bytes(totals.storedBytes),
                        totals.overheadPercent == null ? "-" : decimal(totals.overheadPercent) + " %",
                        Sizes.bytes(totals.packedBytes),
                        Sizes.count(totals.uniqueChunks),
                        Sizes.bytes(totals.uniqueBytes)),
                String.format(
                        Locale.ROOT,
                        "CPU of the whole processes: client %.2f s, server %.2f s (%.2f s until it was ready)",
                        totals.clientProcessCpuSeconds,
                        totals.serverProcessCpuSeconds,
                        serverStartCpuSeconds),
                machine.shown());
    }

    private static String decimal(double value) {
        return String.format(Locale.ROOT, "%.2f", value);
    }
}
