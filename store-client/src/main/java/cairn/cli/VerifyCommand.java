package cairn.cli;

import cairn.chunk.Chunk;
import cairn.client.DiskId;
import cairn.client.ImageVerifier;
import cairn.client.ImageVerifier.Comparison;
import cairn.client.ImageVerifier.Proof;
import cairn.client.StoreClient;
import cairn.disk.DiskFormat;
import cairn.disk.DiskSource;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "verify",
        description = "Read everything again and prove ids, root digest and signature; or prove that a file is equal.")
final class VerifyCommand extends StoreCommand {
    @Parameters(index = "0", paramLabel = "ID", description = "ami-... or snap-...")
    private DiskId id;

    @Parameters(index = "1", paramLabel = "FILE", arity = "0..1", description = "a disk to compare, in any format")
    private Path file;

    @Option(names = "--format", paramLabel = "FORMAT", description = "of the file: raw, qcow2, vmdk, vhd or vhdx")
    private DiskFormat format;

    @Option(names = "--json", description = "print the findings as one JSON object")
    private boolean isJson;

    /** @param publicKey absent for a snapshot */
    private record Whole(
            String id,
            String rootDigest,
            String publicKey,
            long logicalBytes,
            long chunks,
            long receivedBytes,
            double seconds) {}

    /** @param firstDifferentOffset absent if equal */
    private record Compared(
            String id,
            boolean isEqual,
            String rootDigest,
            String fileRootDigest,
            long sizeBytes,
            long fileSizeBytes,
            Long firstDifferentOffset,
            long chunksDifferent,
            double seconds) {}

    VerifyCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        return file == null ? verify(client) : compare(client);
    }

    private int verify(StoreClient client) {
        Proof proof;
        try (ProgressLine progress = new ProgressLine(terminal, "verify")) {
            proof = new ImageVerifier(client).verify(id, progress);
        }
        if (isJson) {
            printJson(new Whole(
                    id.value(),
                    proof.rootDigest().toString(),
                    proof.publicKey().orElse(null),
                    proof.logicalBytes(),
                    proof.chunks(),
                    proof.receivedBytes(),
                    Sizes.secondsOf(proof.duration())));
            return DONE;
        }
        new Fields()
                .put("id", id)
                .put("root digest", proof.rootDigest() + " proven")
                .put("signature", proof.publicKey().map(key -> "good, by the store's key " + key).orElse(null))
                .put("chunks", Sizes.count(proof.chunks()) + " read and proven")
                .print(terminal.out());
        terminal.say(
                "%s is whole: read %s in %s", id, Sizes.bytes(proof.receivedBytes()), Sizes.seconds(proof.duration()));
        return DONE;
    }

    private int compare(StoreClient client) {
        Comparison found;
        try (DiskSource local = DiskSource.open(file, Optional.ofNullable(format));
                ProgressLine progress = new ProgressLine(terminal, "verify")) {
            found = new ImageVerifier(client).compare(id, local, progress);
        }
        if (isJson) {
            printJson(new Compared(
                    id.value(),
                    found.isEqual(),
                    found.rootDigest().toString(),
                    found.localRootDigest().toString(),
                    found.sizeBytes(),
                    found.localSizeBytes(),
                    found.isEqual() ? null : found.firstDifferentOffset(),
                    found.chunksDifferent(),
                    Sizes.secondsOf(found.duration())));
        } else if (found.isEqual()) {
            terminal.out().println(file + " equals " + id + ", root digest " + found.rootDigest());
        }
        if (!found.isEqual()) {
            terminal.say("cairn: %s differs from %s: %s", file, id, differences(found));
        }
        return found.isEqual() ? DONE : FAILED;
    }

    private static String differences(Comparison found) {
        String sizes = found.sizeBytes() == found.localSizeBytes()
                ? ""
                : "it has " + found.localSizeBytes() + " bytes and the image " + found.sizeBytes() + "; ";
        return sizes + "first at byte " + found.firstDifferentOffset() + ", " + Sizes.count(found.chunksDifferent(), "chunk")
                + " of " + Sizes.bytes(Chunk.SIZE_BYTES) + " different";
    }
}
