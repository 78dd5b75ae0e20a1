package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.cli.Sizes;
import cairn.cli.Table;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes disks for those who have none to measure with. */
@Command(
        name = "corpus",
        description = "Make a family of raw disks in an empty folder: a base, an update of it, others that add files to"
                + " that, and last the base's files laid out anew. The same options give the same bytes everywhere."
                + " They are made up: use disks of your own where you can.",
        sortOptions = false)
final class CorpusCommand extends MeasuringCommand {
    private static final int IMAGES_MAX = 100;
    private static final int MEBIBYTES_MAX = 1 << 20;
    /** Of the base's files, what an update brings anew. */
    private static final double UPDATED = 0.15;
    /** Of the base's data, how much more a machine of some purpose has. */
    private static final double ADDED = 0.3;
    /** Of the base's files, how many have another size when they are laid out anew. */
    private static final double RESIZED = 0.02;

    @Parameters(paramLabel = "DIR", description = "an empty folder, or one that is not there yet")
    private Path folder;

    @Option(names = "--images", paramLabel = "N", description = "how many (default: ${DEFAULT-VALUE})")
    private int images = 6;

    @Option(names = "--mib", paramLabel = "N", description = "MiB of the base's data (default: ${DEFAULT-VALUE})")
    private int dataMebibytes = 512;

    @Option(names = "--size", paramLabel = "N", description = "MiB of each disk, holes too (default: ${DEFAULT-VALUE})")
    private int sizeMebibytes = 4096;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "another one makes another family (default: ${DEFAULT-VALUE})")
    private long seed = 1;

    /** One disk. @param dataBytes that are written; the rest are holes */
    record Disk(String disk, String madeFrom, long sizeBytes, long dataBytes) {}

    /** What was made. */
    record Made(long seed, List<Disk> disks) implements Report {
        @Override
        public List<Part> parts() {
            return List.of(new Part(table(), remarks()));
        }

        private Table table() {
            Table table = new Table("DISK", "MADE FROM", ">SIZE", ">DATA");
            for (Disk each : disks) {
                table.row(each.disk, each.madeFrom, Sizes.bytes(each.sizeBytes), Sizes.bytes(each.dataBytes));
            }
            return table;
        }

        private List<String> remarks() {
            return List.of(
                    "Made up from seed " + seed + ": text, programs, tables and noise in files of 1 KiB to 2 MiB. What"
                            + " systems make of them says how they compare, not what real disks would take.");
        }
    }

    private record Named(String name, String madeFrom, MadeDisk disk) {}

    CorpusCommand(PrintStream out, PrintStream err) {
        super(out, err);
    }

    @Override
    Report measure() throws IOException {
        List<Named> family = family();
        requireUsable(family);
        Files.createDirectories(folder);
        long sizeBytes = (long) sizeMebibytes << 20;
        MixedContent content = new MixedContent(seed);
        List<Disk> made = new ArrayList<>();
        for (Named each : family) {
            Path file = folder.resolve(each.name + ".raw");
            each.disk.write(file, sizeBytes, content);
            made.add(new Disk(file.toString(), each.madeFrom, sizeBytes, each.disk.dataBytes()));
            say("made %s", file);
        }
        return new Made(seed, made);
    }

    private List<Named> family() {
        if (images < 1 || images > IMAGES_MAX || dataMebibytes < 1 || dataMebibytes > MEBIBYTES_MAX
                || sizeMebibytes < 1 || sizeMebibytes > MEBIBYTES_MAX) {
            throw wrong("--images is 1 to " + IMAGES_MAX + ", --mib and --size are 1 to " + MEBIBYTES_MAX);
        }
        long dataBytes = (long) dataMebibytes << 20;
        MadeDisk base = MadeDisk.make((long) sizeMebibytes << 20, dataBytes, seed);
        MadeDisk update = base.updated(UPDATED, seed + 1);
        List<Named> family = new ArrayList<>();
        family.add(new Named("1-base", "nothing", base));
        for (int number = 2; number <= images; number++) {
            if (number == 2) {
                family.add(new Named("2-update", "base: 15 % of its files in a newer version", update));
            } else if (number == images) {
                family.add(new Named(
                        number + "-rebuilt", "base: its files laid out anew", base.rebuilt(RESIZED, seed + number)));
            } else {
                family.add(new Named(
                        number + "-role",
                        "update: 30 % more data",
                        update.with((long) (dataBytes * ADDED), seed + number)));
            }
        }
        return family;
    }

    private void requireUsable(List<Named> family) throws IOException {
        if (!family.stream().allMatch(each -> each.disk.fits((long) sizeMebibytes << 20))) {
            throw wrong("--size is at least three times --mib, and 64");
        }
        if (Files.isDirectory(folder)) {
            try (Stream<Path> files = Files.list(folder)) {
                if (files.findAny().isPresent()) {
                    throw new StoreException(Fault.CONFLICT, folder + " is not empty; name a folder that is");
                }
            }
        } else if (Files.exists(folder)) {
            throw new StoreException(Fault.CONFLICT, folder + " is no folder");
        }
    }
}
