package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.bench.MeasuredProgram.Used;
import cairn.disk.DiskFormat;
import cairn.disk.DiskSource;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Has Cairn and others that keep disks take in the same ones, and give one back. */
@Command(
        name = "ingest",
        description = "Have Cairn, restic, borg and casync take in the disks in this order, each into a fresh"
                + " repository of its own; then the last one again, unchanged; then give that one back, which must be"
                + " equal byte for byte. Print what each took: wall and CPU seconds of all processes, memory, stored"
                + " bytes. Programs that are not installed are left out, and named.",
        sortOptions = false)
final class IngestCommand extends MeasuringCommand {
    private static final List<Contestant> SYSTEMS = List.of(
            new Contestant(IngestReport.OURS, null, CairnArchive::new),
            new Contestant("restic", "restic", PeerArchive::restic),
            new Contestant("borg lz4", "borg", folder -> PeerArchive.borg(folder, "lz4")),
            new Contestant("borg zstd", "borg", folder -> PeerArchive.borg(folder, "zstd,3")),
            new Contestant("casync", "casync", PeerArchive::casync));

    @Parameters(paramLabel = "DISK", arity = "1..*", description = "raw, since the others know nothing else")
    private List<Path> disks = new ArrayList<>();

    @Option(names = "--runs", paramLabel = "N", description = "of each system, by turns (default: ${DEFAULT-VALUE})")
    private int runs = 5;

    @Option(
            names = "--systems",
            paramLabel = "NAME",
            split = ",",
            description = "only these of cairn, \"restic\", \"borg lz4\", \"borg zstd\", \"casync\"")
    private List<String> wanted = SYSTEMS.stream().map(Contestant::name).toList();

    private final IngestReport.Collected collected = new IngestReport.Collected();

    /** @param program that must be installed; null for Cairn */
    private record Contestant(String name, String program, Opener opener) {
        boolean isThere() {
            return program == null || Subjects.isInstalled(program);
        }
    }

    @FunctionalInterface
    private interface Opener {
        /** @param folder an empty one */
        Archive open(Path folder) throws IOException;
    }

    IngestCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    Report measure() throws IOException {
        requireUsable();
        Path folder = ScratchFolder.make();
        try {
            Machine machine = Machine.look(folder, SYSTEMS.stream()
                    .filter(system -> system.program != null && wanted.contains(system.name))
                    .map(Contestant::program)
                    .distinct()
                    .toList());
            CairnArchive.prepare(folder);
            long bytes = readAll();
            List<Contestant> systems = new ArrayList<>(SYSTEMS.stream()
                    .filter(system -> wanted.contains(system.name) && system.isThere())
                    .toList());
            for (int run = 1; run <= runs; run++) {
                for (Contestant system : systems) {
                    turn(system, folder);
                    say("run %d of %d: %s", run, runs, system.name);
                }
                // Nobody is always the first, or always behind the one that leaves most to be written.
                Collections.rotate(systems, -1);
            }
            return collected.report(machine, disks.size(), bytes, runs);
        } finally {
            ScratchFolder.remove(folder);
        }
    }

    /** Before anything is started. */
    private void requireUsable() throws IOException {
        List<String> known = SYSTEMS.stream().map(Contestant::name).toList();
        for (String each : wanted) {
            if (!known.contains(each)) {
                throw wrong("--systems takes some of " + String.join(", ", known) + ", not \"" + each + '"');
            }
        }
        if (runs < 1) {
            throw wrong("--runs is at least 1");
        }
        for (Path disk : disks) {
            try (DiskSource source = DiskSource.open(disk)) {
                if (source.format() != DiskFormat.RAW) {
                    throw new StoreException(
                            Fault.INVALID_REQUEST,
                            disk + " is " + source.format() + ", and not all systems know that; make it raw with"
                                    + " qemu-img convert");
                }
            }
        }
        disks = new ArrayList<>(disks);
        for (int n = 0; n < disks.size(); n++) {
            disks.set(n, disks.get(n).toRealPath());
        }
    }

    /** So that nobody is the only one to wait for the disks. @return how much that was */
    private long readAll() throws IOException {
        long bytes = 0;
        for (Path disk : disks) {
            try (InputStream in = Files.newInputStream(disk)) {
                bytes += in.transferTo(OutputStream.nullOutputStream());
            }
        }
        return bytes;
    }

    private void turn(Contestant system, Path scratch) throws IOException {
        Path folder = Files.createDirectory(scratch.resolve("a"));
        // What the one before has left to write is not for this one to wait for.
        Programs.run(scratch, "sync");
        try (Archive archive = system.opener.open(folder)) {
            Used used = Used.NOTHING;
            for (int n = 0; n < disks.size(); n++) {
                used = used.then(archive.put(disks.get(n), n));
            }
            IngestReport.Stored stored = stored(archive, scratch);
            collected.add(IngestReport.INGEST, system.name, used, stored);

            Path last = disks.get(disks.size() - 1);
            Used again = archive.put(last, disks.size());
            collected.add(IngestReport.AGAIN, system.name, again, stored(archive, scratch).minus(stored));

            Path empty = Files.createDirectory(scratch.resolve("restored"));
            Archive.Restored restored = archive.get(last, disks.size() - 1, empty);
            requireEqual(system.name, last, restored.file());
            collected.add(IngestReport.RESTORE, system.name, restored.used(), null);
            ScratchFolder.remove(empty);
        }
        ScratchFolder.remove(folder);
    }

    private static IngestReport.Stored stored(Archive archive, Path scratch) throws IOException {
        String[] allocated = Programs.run(scratch, "du", "-s", "-B1", archive.repository().toString()).split("\\s");
        return new IngestReport.Stored(FolderSize.bytes(archive.repository()), Long.parseLong(allocated[0]));
    }

    private static void requireEqual(String system, Path disk, Path restored) throws IOException {
        long differsAt = Files.mismatch(disk, restored);
        if (differsAt >= 0) {
            throw new StoreException(
                    Fault.CORRUPT,
                    "what " + system + " gives back differs from " + disk + " from offset " + differsAt + " on");
        }
    }
}
