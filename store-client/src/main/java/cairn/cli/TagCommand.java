package cairn.cli;

import cairn.api.Messages;
import cairn.client.ResourceId;
import cairn.client.StoreClient;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "tag",
        description = "Set and remove tags of an image, a snapshot or a volume; prints those that it has then.",
        sortOptions = false)
final class TagCommand extends StoreCommand {
    @Parameters(index = "0", paramLabel = "ID", description = "ami-..., snap-... or vol-...")
    private ResourceId id;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "KEY=VALUE", description = "replaces a tag of this key")
    private Map<String, String> tags = new LinkedHashMap<>();

    @Option(names = "--remove", paramLabel = "KEY", description = "take away a tag; may be repeated")
    private List<String> removed = new ArrayList<>();

    @Option(names = "--json", description = "print a JSON object")
    private boolean isJson;

    TagCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        Map<String, String> now = tag(client, new Messages.ChangeTags(tags, removed));
        if (isJson) {
            printJson(now);
        } else {
            now.forEach((key, value) -> terminal.out().println(key + '=' + value));
        }
        return DONE;
    }

    private Map<String, String> tag(StoreClient client, Messages.ChangeTags change) {
        if (id.isVolume()) {
            return client.tagVolume(id.volume(), change).tags();
        }
        return id.disk().isImage()
                ? client.tagImage(id.disk().image(), change).tags()
                : client.tagSnapshot(id.disk().snapshot(), change).tags();
    }
}
