package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.Messages;
import cairn.client.StoreClient;
import cairn.image.Architecture;
import cairn.image.BootMode;
import cairn.image.ImageId;
import cairn.image.ImageName;
import cairn.image.VolumeId;
import java.util.LinkedHashMap;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The commands of {@code cairn image}. */
final class ImageCommands {
    private ImageCommands() {}

    @Command(
            name = "create",
            description = {
                "Make an image of a volume, also while it is in use; the last line of the output is its id.",
                "Its parent is the image that the volume was made from, or the last that was made of it."
            },
            sortOptions = false)
    static final class Create extends SnapshotCommands.Making {
        @Parameters(paramLabel = "VOLUME", description = "vol-...")
        private VolumeId volume;

        @Option(
                names = "--name",
                required = true,
                paramLabel = "NAME",
                description = "the image's name, unique in the account")
        private ImageName name;

        @Option(names = "--description", paramLabel = "TEXT", defaultValue = "", description = "what it is, for people")
        private String description;

        @Option(
                names = "--arch",
                paramLabel = "ARCH",
                description = "i386, x86_64, arm64 or riscv64 (the parent's; x86_64 where there is no parent)")
        private Architecture architecture;

        @Option(
                names = "--boot-mode",
                paramLabel = "MODE",
                description = "legacy-bios, uefi or uefi-preferred (the parent's)")
        private BootMode bootMode;

        @Option(names = "--tag", paramLabel = "KEY=VALUE", description = "may be repeated")
        private Map<String, String> tags = new LinkedHashMap<>();

        @Option(names = "--json", description = "print a JSON object")
        private boolean isJson;

        Create(Terminal terminal) {
            super(terminal);
        }

        @Override
        int run(StoreClient client) {
            Messages.Snapshot made = make(client, "image", () -> client.startImage(volume, wanted()));
            if (made.image() == null) {
                throw new StoreException(
                        Fault.NOT_FOUND, "the image of snapshot " + made.id() + " was made, and is removed already");
            }
            if (isJson) {
                printJson(client.image(new ImageId(made.image())));
            } else {
                terminal.out().println(made.image());
            }
            return DONE;
        }

        private Messages.CreateImage wanted() {
            return new Messages.CreateImage(
                    name.value(),
                    description,
                    architecture == null ? null : architecture.label(),
                    bootMode == null ? null : bootMode.label(),
                    tags);
        }
    }
}
