package cairn.bench;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.client.DiskId;
import cairn.client.StoreClient;
import cairn.image.VolumeId;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** The servers that take turns on one disk: Cairn, which keeps it in compressed chunks, and others on files of it. */
final class Subjects {
    private static final String NBDKIT = "nbdkit";
    private static final String QEMU_NBD = "qemu-nbd";
    private static final String TCP = "tcp";
    private static final long LEFT_NANOS_MAX = TimeUnit.SECONDS.toNanos(5);
    private static final long LOOK_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private final MeasuredServer server;
    private final StoreClient client;
    private final String imageId;
    private final Path folder;
    private final Path raw;

    /** @param raw the disk, which is the image's content too */
    Subjects(MeasuredServer server, String imageId, Path folder, Path raw) {
        this.server = server;
        this.client = server.connect();
        this.imageId = imageId;
        this.folder = folder;
        this.raw = raw;
    }

    /** Those that serve the disk read-only. */
    List<Subject> reading(String transport) throws IOException {
        boolean isTcp = transport.equals(TCP);
        List<Subject> subjects = new ArrayList<>();
        subjects.add(new Subject(BlocksReport.OURS, () -> {
            return new Ours(server.pid(), client, List.of(uri(client.exportUri(new DiskId(imageId)), isTcp)), () -> {});
        }));
        subjects.addAll(peers(folder, raw, isTcp));
        return subjects;
    }

    /** Those that serve the disk read-only and are not Cairn. */
    private static List<Subject> peers(Path folder, Path raw, boolean isTcp) throws IOException {
        List<Subject> subjects = new ArrayList<>();
        if (isInstalled(NBDKIT)) {
            subjects.add(new Subject("nbdkit file", () -> NbdPeer.nbdkit(raw, isTcp, false, folder)));
        }
        if (isInstalled(QEMU_NBD)) {
            Path zstd = zstdCopy(folder, raw);
            subjects.add(new Subject("qemu-nbd raw", () -> NbdPeer.qemuNbd(raw, "raw", isTcp, false, folder)));
            subjects.add(
                    new Subject("qemu-nbd zstd qcow2", () -> NbdPeer.qemuNbd(zstd, "qcow2", isTcp, false, folder)));
        }
        return subjects;
    }

    /**
     * Those that serve the disk read-only, Cairn's server being started for each turn.
     *
     * @param store where a server has kept the image, and has ended
     */
    static List<Subject> readingAnew(Path store, String imageId, Path folder, Path raw, String transport)
            throws IOException {
        boolean isTcp = transport.equals(TCP);
        List<Subject> subjects = new ArrayList<>();
        subjects.add(new Subject(BlocksReport.OURS, () -> {
            MeasuredServer server = MeasuredServer.open(store, List.of());
            try {
                StoreClient client = server.connect();
                return new Ours(
                        server.pid(),
                        client,
                        List.of(uri(client.exportUri(new DiskId(imageId)), isTcp)),
                        server::close);
            } catch (RuntimeException e) {
                server.close();
                throw e;
            }
        }));
        subjects.addAll(peers(folder, raw, isTcp));
        return subjects;
    }

    /** Those that many machines boot from at once; at Cairn each from a volume of its own. */
    List<Subject> storming(int machinesMax) throws IOException {
        List<String> volumes = new ArrayList<>();
        for (int n = 0; n < machinesMax; n++) {
            volumes.add(uri(client.exportUri(newVolume()), false));
        }
        List<Subject> subjects = new ArrayList<>();
        subjects.add(new Subject(BlocksReport.OURS, () -> new Ours(server.pid(), client, volumes, () -> {})));
        subjects.addAll(peers(folder, raw, false));
        return subjects;
    }

    private VolumeId newVolume() {
        return new VolumeId(
                client.createVolume(new Messages.CreateVolume(imageId, null, false, false, Map.of())).id());
    }

    /** Those that can be written to, each beginning with a fresh disk of the same content. */
    List<Subject> writing(String transport) {
        boolean isTcp = transport.equals(TCP);
        List<Subject> subjects = new ArrayList<>();
        subjects.add(new Subject(BlocksReport.OURS, () -> {
            VolumeId volume = newVolume();
            return new Ours(
                    server.pid(), client, List.of(uri(client.exportUri(volume), isTcp)), () -> remove(volume));
        }));
        if (isInstalled(NBDKIT)) {
            Path copy = folder.resolve("copy.raw");
            subjects.add(new Subject("nbdkit file", () -> {
                Files.copy(raw, copy, StandardCopyOption.REPLACE_EXISTING);
                return NbdPeer.nbdkit(copy, isTcp, true, folder);
            }));
        }
        if (isInstalled(QEMU_NBD)) {
            Path overlay = folder.resolve("overlay.qcow2");
            subjects.add(new Subject("qemu-nbd qcow2 over raw", () -> {
                Programs.run(folder, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", raw.toString(),
                        overlay.toString());
                return NbdPeer.qemuNbd(overlay, "qcow2", isTcp, true, folder);
            }));
        }
        return subjects;
    }

    /** The server may take a moment to see that the last client has left. */
    private void remove(VolumeId id) {
        long giveUpAt = System.nanoTime() + LEFT_NANOS_MAX;
        while (true) {
            try {
                client.removeVolume(id);
                return;
            } catch (StoreException e) {
                if (e.fault() != Fault.CONFLICT || System.nanoTime() > giveUpAt) {
                    throw e;
                }
                LockSupport.parkNanos(LOOK_AGAIN_NANOS);
            }
        }
    }

    /** Cairn's server, which goes on when a turn has ended. */
    private record Ours(long pid, StoreClient client, List<String> uris, Runnable ending) implements Subject.Open {
        @Override
        public String uri() {
            return uris.get(0);
        }

        @Override
        public String uri(int number) {
            return uris.get(number % uris.size());
        }

        @Override
        public long chunkLoads() {
            return client.stats().chunkLoads();
        }

        @Override
        public void close() {
            ending.run();
        }
    }

    private static String uri(Messages.ExportUri export, boolean isTcp) {
        String uri = isTcp ? export.uri() : export.socketUri();
        if (uri == null) {
            throw new StoreException(Fault.INVALID_REQUEST,
                    "the server has no unix socket, for its folder's path is too long: set TMPDIR to a shorter one");
        }
        return uri;
    }

    private static Path zstdCopy(Path folder, Path raw) throws IOException {
        Path zstd = folder.resolve("zstd.qcow2");
        if (!Files.exists(zstd)) {
            Programs.run(
                    folder,
                    "qemu-img", "convert", "-q", "-c", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd",
                    raw.toString(), zstd.toString());
        }
        return zstd;
    }

    static boolean isInstalled(String program) {
        String path = Optional.ofNullable(System.getenv("PATH")).orElse("");
        for (String folder : path.split(File.pathSeparator)) {
            if (Files.isExecutable(Path.of(folder, program))) {
                return true;
            }
        }
        return false;
    }
}
