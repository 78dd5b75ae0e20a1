package cairn.cli;

import cairn.api.Messages;
import cairn.client.StoreClient;
import java.util.List;
import picocli.CommandLine.Command;

@Command(name = "images", description = "List the images that you may use.")
final class ImagesCommand extends ListCommand<Messages.Image> {
    ImagesCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    Table table() {
        return new Table("ID", "NAME", ">SIZE", "ARCH", "OWNER", "STATE", "CREATED");
    }

    @Override
    void addRow(Table table, Messages.Image image) {
        table.row(
                image.id(),
                image.name(),
                Sizes.bytes(image.sizeBytes()),
                image.architecture(),
                image.owner(),
                image.state(),
                image.createdAt());
    }

    @Override
    List<Messages.Image> read(StoreClient client) {
        return readAll(client::images, Messages.ImageList::images, Messages.ImageList::next);
    }
}
