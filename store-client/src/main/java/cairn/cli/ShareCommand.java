package cairn.cli;

import cairn.api.Messages;
import cairn.client.DiskId;
import cairn.client.StoreClient;
import cairn.image.AccountId;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "share",
        description = {
            "Let other accounts use an image or a snapshot of yours; prints whom it is shared with.",
            "They may see, read, copy and start machines from it, and never change it."
        },
        sortOptions = false)
final class ShareCommand extends StoreCommand {
    private static final String EVERYBODY = "public";

    @Parameters(index = "0", paramLabel = "ID", description = "ami-... or snap-...")
    private DiskId id;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "ACCOUNT", description = "none: change nothing for any")
    private List<AccountId> accounts = new ArrayList<>();

    @Option(names = "--public", description = "share it with everybody who has an account")
    private boolean isPublic;

    @Option(names = "--remove", description = "end the sharing with these, or with everybody, instead")
    private boolean isRemoval;

    @Option(names = "--json", description = "print a JSON object")
    private boolean isJson;

    /** Whom something is shared with, for scripts. */
    private record Shared(String id, boolean isPublic, List<String> sharedWith) {}

    ShareCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        Shared shared = share(client, change());
        if (isJson) {
            printJson(shared);
        } else {
            show(shared);
        }
        return DONE;
    }

    private Messages.ChangeSharing change() {
        List<String> named = accounts.stream().map(AccountId::value).toList();
        return new Messages.ChangeSharing(
                isPublic ? !isRemoval : null, isRemoval ? null : named, isRemoval ? named : null);
    }

    private Shared share(StoreClient client, Messages.ChangeSharing change) {
        if (id.isImage()) {
            Messages.Image image = client.shareImage(id.image(), change);
            return new Shared(image.id(), image.isPublic(), image.sharedWith());
        }
        Messages.Snapshot snapshot = client.shareSnapshot(id.snapshot(), change);
        return new Shared(snapshot.id(), snapshot.isPublic(), snapshot.sharedWith());
    }

    private void show(Shared shared) {
        if (shared.isPublic) {
            terminal.out().println(EVERYBODY);
        }
        shared.sharedWith.forEach(terminal.out()::println);
        if (!shared.isPublic && shared.sharedWith.isEmpty()) {
            terminal.say("%s is shared with nobody", shared.id);
        }
    }
}
