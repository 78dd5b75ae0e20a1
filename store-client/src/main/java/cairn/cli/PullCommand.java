package cairn.cli;

import cairn.client.DiskId;
import cairn.client.ImageDownloader;
import cairn.client.StoreClient;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(name = "pull", description = "Write an image's or a snapshot's disk to a sparse raw file, every chunk proven.")
final class PullCommand extends StoreCommand {
    @Parameters(index = "0", paramLabel = "ID", description = "ami-... or snap-...")
    private DiskId id;

    @Parameters(index = "1", paramLabel = "FILE", description = "is there only once it is whole")
    private Path file;

    @Option(names = "--force", description = "replace the file if it exists")
    private boolean mayReplace;

    PullCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        ImageDownloader.Result result;
        try (ProgressLine progress = new ProgressLine(terminal, "pull")) {
            result = new ImageDownloader(client).download(id, file, mayReplace, progress);
        }
        terminal.say(
                "wrote %s of %s to %s in %s (%s); received %s; root digest %s",
                Sizes.bytes(result.dataBytes()),
                Sizes.bytes(result.logicalBytes()),
                file,
                Sizes.seconds(result.duration()),
                Sizes.rate(result.dataBytes(), result.duration()),
                Sizes.bytes(result.receivedBytes()),
                result.rootDigest());
        return DONE;
    }
}
