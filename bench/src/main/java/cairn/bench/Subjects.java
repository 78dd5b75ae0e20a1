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

    private final StoreClient client;
    private final String imageId;
    private final Path folder;
    private final Path raw;

    /** @param raw the disk, which is the image's content too */
    Subjects(StoreClient client, String imageId, Path folder, Path raw) {
        this.client = client;
        this.imageId = imageId;
        this.folder = folder;
        this.raw = raw;
    }

    /** Those that serve the disk read-only. */
    List<Subject> reading(String transport) throws IOException {
        boolean isTcp = transport.equals(TCP);
        List<Subject> subjects = new ArrayList<>();
        subjects.add(new Subject(BlocksReport.OURS, () -> ours(client.exportUri(new DiskId(imageId)), isTcp, () -> {})));
        if (isInstalled(NBDKIT)) {
            subjects.add(new Subject("nbdkit file", () -> NbdPeer.nbdkit(raw, isTcp, false, folder)));
        }
        if (isInstalled(QEMU_NBD)) {
            Path zstd = zstdCopy();
            subjects.add(new Subject("qemu-nbd raw", () -> NbdPeer.qemuNbd(raw, "raw", isTcp, false, folder)));
            subjects.add(
                    new Subject("qemu-nbd zstd qcow2", () -> NbdPeer.qemuNbd(zstd, "qcow2", isTcp, false, folder)));
        }
        return subjects;
    }

    /** Those that can be written to, each beginning with a fresh disk of the same content. */
    List<Subject> writing(String transport) {
        boolean isTcp = transport.equals(TCP);
        List<Subject> subjects = new ArrayList<>();
        subjects.add(new Subject(BlocksReport.OURS, () -> {
            VolumeId volume = new VolumeId(client.createVolume(
                            new Messages.CreateVolume(imageId, null, false, false, Map.of()))
                    .id());
            return ours(client.exportUri(volume), isTcp, () -> remove(volume));
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

    private static Subject.Open ours(Messages.ExportUri export, boolean isTcp, Runnable ending) {
        String uri = isTcp ? export.uri() : export.socketUri();
        if (uri == null) {
            throw new StoreException(Fault.INVALID_REQUEST,
                    "the server has no unix socket, for its folder's path is too long: set TMPDIR to a shorter one");
        }
        return new Subject.Open() {
            @Override
            public String uri() {
                return uri;
            }

            @Override
            public void close() {
                ending.run();
            }
        };
    }

    private Path zstdCopy() throws IOException {
        Path zstd = folder.resolve("zstd.qcow2");
        if (!Files.exists(zstd)) {
            Programs.run(folder, "qemu-img", "convert", "-q", "-c", "-O", "qcow2", "-o", "compression_type=zstd", "-f", "raw",
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
