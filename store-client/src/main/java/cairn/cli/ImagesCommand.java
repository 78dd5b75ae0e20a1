package cairn.cli;

import cairn.api.Messages;
import cairn.client.StoreClient;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "images", description = "List the images that you may use.")
final class ImagesCommand extends StoreCommand {
    @Option(names = "--json", description = "print a JSON array")
    private boolean isJson;

    ImagesCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        List<Messages.Image> images = readAll(client);
        if (isJson) {
            printJson(images);
        } else {
            Table table = new Table("ID", "NAME", ">SIZE", "ARCH", "OWNER", "STATE", "CREATED");
            images.forEach(image -> table.row(
                    image.id(),
                    image.name(),
                    Sizes.bytes(image.sizeBytes()),
                    image.architecture(),
                    image.owner(),
                    image.state(),
                    image.createdAt()));
            table.print(terminal.out());
        }
        return DONE;
    }

    private static List<Messages.Image> readAll(StoreClient client) {
        List<Messages.Image> images = new ArrayList<>();
        String after = "";
        while (after != null) {
            Messages.ImageList page = client.images(after);
            images.addAll(page.images());
            after = page.next();
        }
        return images;
    }
}
