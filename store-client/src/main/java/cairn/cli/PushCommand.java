package cairn.cli;

import cairn.StoreException;
import cairn.api.Messages;
import cairn.chunk.Codec;
import cairn.client.ImageUploader;
import cairn.client.StoreClient;
import cairn.disk.DiskFormat;
import cairn.disk.DiskSource;
import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.NewImage;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "push",
        description = "Upload a disk and register it as an image; the last line of the output is the image's id.",
        sortOptions = false)
final class PushCommand extends StoreCommand {
    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "DISK", description = "file or block device; raw, qcow2, VMDK, VHD or VHDX")
    private Path disk;

    @Option(names = "--name", required = true, paramLabel = "NAME", description = "the image's name, unique in the account")
    private ImageName name;

    @Option(names = "--description", paramLabel = "TEXT", defaultValue = "", description = "what it is, for people")
    private String description;

    @Option(
            names = "--arch",
            paramLabel = "ARCH",
            defaultValue = "x86_64",
            description = "i386, x86_64, arm64 or riscv64 (${DEFAULT-VALUE})")
    private Architecture architecture;

    @Option(names = "--boot-mode", paramLabel = "MODE", description = "legacy-bios, uefi or uefi-preferred")
    private BootMode bootMode;

    @Option(names = "--parent", paramLabel = "ID", description = "the image that this one was made from")
    private ImageId parent;

    @Option(names = "--tag", paramLabel = "KEY=VALUE", description = "may be repeated")
    private Map<String, String> tags = new LinkedHashMap<>();

    @Option(
            names = "--format",
            paramLabel = "FORMAT",
            description = "raw, qcow2, vmdk, vhd or vhdx; else the disk's first bytes tell")
    private DiskFormat format;

    @Option(
            names = "--codec",
            paramLabel = "CODEC",
            defaultValue = "lz4",
            description = "how chunks are packed: lz4, zstd (smaller, slower) or plain (${DEFAULT-VALUE})")
    private Codec codec;

    @Option(names = "--workers", paramLabel = "N", description = "threads, 20 MiB each (two more than there are cores)")
    private Integer workers;

    @Option(names = "--json", description = "print the image and the figures as one JSON object instead")
    private boolean isJson;

    /** What was pushed, for scripts. */
    private record Pushed(
            String id,
            Messages.Image image,
            long logicalBytes,
            long dataBytes,
            long chunks,
            long chunksSent,
            long chunksKnown,
            long sentBytes,
            double seconds) {}

    PushCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        ImageUploader uploader = new ImageUploader(client, settings());
        ImageUploader.Result result;
        try (DiskSource source = DiskSource.open(disk, Optional.ofNullable(format));
                ProgressLine progress = new ProgressLine(terminal, "push")) {
            result = uploader.upload(source, registration(), progress);
        }
        if (isJson) {
            printJson(new Pushed(
                    result.image().id(),
                    result.image(),
                    result.logicalBytes(),
                    result.dataBytes(),
                    result.chunks(),
                    result.chunksSent(),
                    result.chunksKnown(),
                    result.sentBytes(),
                    Sizes.secondsOf(result.duration())));
        } else {
            terminal.say(
                    "read %s of %s in %s (%s); sent %s of %s chunks, %s",
                    Sizes.bytes(result.dataBytes()),
                    Sizes.bytes(result.logicalBytes()),
                    Sizes.seconds(result.duration()),
                    Sizes.rate(result.dataBytes(), result.duration()),
                    Sizes.count(result.chunksSent()),
                    Sizes.count(result.chunks()),
                    Sizes.bytes(result.sentBytes()));
            terminal.out().println(result.image().id());
        }
        return DONE;
    }

    private ImageUploader.Settings settings() {
        ImageUploader.Settings settings = ImageUploader.Settings.usual().withCodec(codec);
        try {
            return workers == null ? settings : settings.withWorkers(workers);
        } catch (StoreException e) {
            throw new ParameterException(spec.commandLine(), e.getMessage(), e);
        }
    }

    private NewImage registration() {
        return new NewImage(
                name, description, architecture, Optional.ofNullable(bootMode), Optional.ofNullable(parent), tags);
    }
}
