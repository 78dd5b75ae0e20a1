package cairn.bench;

import cairn.client.NbdReader;
import cairn.client.StoreClient;
import cairn.disk.DiskSource;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A store of some disks that was settled in one way, or not at all. */
final class SettledStore {
    /** Chunks stay as they come. */
    static final String OFF = "off";

    private final Path folder;
    private final String how;
    private final boolean isBooted;
    private final DiskFamily family;
    private final int disks;
    private final List<Pushed> images = new ArrayList<>();
    private ServerGc.Result settling = ServerGc.Result.NONE;
    private long storedBytes;
    private long folderBytes;

    /**
     * @param how as {@code cairn serve} takes it
     * @param isBooted whether the first disk is booted once before it is settled, so that what a boot reads stays quick
     */
    SettledStore(Path folder, String how, boolean isBooted, DiskFamily family, int disks) {
        this.folder = folder;
        this.how = how;
        this.isBooted = isBooted;
        this.family = family;
        this.disks = disks;
    }

    String name() {
        return (how.equals(OFF) ? "as written" : how) + (isBooted ? ", booted before" : "");
    }

    /** Pushes all disks, settles them, and holds every byte against the disks. */
    void make(BootTrace trace) throws IOException {
        Files.createDirectories(folder);
        try (MeasuredServer server = open()) {
            push(server.connect());
            if (isBooted) {
                boot(server.connect(), trace);
            }
        }
        try (MeasuredServer server = open()) {
            if (!how.equals(OFF)) {
                settling = ServerGc.collect(server);
            }
            StoreClient client = server.connect();
            storedBytes = client.stats().storedBytes();
            requireEqual(client);
        }
        folderBytes = FolderSize.bytes(dataFolder());
    }

    Path dataFolder() {
        return folder.resolve("data");
    }

    MeasuredServer open() {
        return MeasuredServer.open(folder, ServerGc.options(how));
    }

    private void push(StoreClient client) {
        for (int number = 0; number < disks; number++) {
            try (DiskSource disk = family.open(number)) {
                images.add(Pushed.push(client, disk, "disk " + number));
            }
        }
    }

    private void boot(StoreClient client, BootTrace trace) {
        try (NbdReader reader = NbdReader.connect(bootUri(client))) {
            trace.replay(reader, 0);
        }
    }

    private void requireEqual(StoreClient client) {
        for (int number = 0; number < disks; number++) {
            try (DiskSource disk = family.open(number)) {
                images.get(number).requireEqual(client, disk);
            }
        }
    }

    DiskSource firstDisk() {
        return family.open(0);
    }

    Pushed first() {
        return images.get(0);
    }

    /** Where the first disk is booted: as an image, or else with nothing known of boots. */
    URI bootUri(StoreClient client) {
        return isBooted ? first().bootUri(client) : first().diskUri(client);
    }

    SettleReport.Store row(long uniqueBytes) {
        return new SettleReport.Store(
                name(),
                storedBytes,
                SettleReport.ratio(storedBytes, uniqueBytes),
                folderBytes,
                settling.seconds(),
                settling.cpuSeconds(),
                settling.serverCpuSeconds());
    }
}
