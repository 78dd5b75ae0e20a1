package cairn.cli;

import cairn.api.Messages;
import cairn.client.StoreClient;
import cairn.image.AccountId;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The commands of {@code cairn key}. */
final class KeyCommands {
    private KeyCommands() {}

    @Command(
            name = "create",
            description = "Create an access key. Its secret is shown only now, in the form of AWS's credentials file.")
    static final class Create extends StoreCommand {
        @Option(names = "--account", paramLabel = "ID", description = "whose key it will be (your own)")
        private AccountId account;

        @Option(names = "--json", description = "print a JSON object")
        private boolean isJson;

        Create(Terminal terminal) {
            super(terminal);
        }

        @Override
        int run(StoreClient client) {
            Messages.Key key = client.createKey(account);
            if (isJson) {
                printJson(key);
            } else {
                terminal.out().println("[default]");
                terminal.out().println("aws_access_key_id = " + key.id());
                terminal.out().println("aws_secret_access_key = " + key.secretAccessKey());
            }
            return DONE;
        }
    }

    @Command(name = "list", description = "List access keys.")
    static final class ListAll extends StoreCommand {
        @Option(names = "--json", description = "print a JSON array")
        private boolean isJson;

        ListAll(Terminal terminal) {
            super(terminal);
        }

        @Override
        int run(StoreClient client) {
            List<Messages.Key> keys = client.keys();
            if (isJson) {
                printJson(keys);
            } else {
                Table table = new Table("ID", "ACCOUNT", "STATE", "CREATED");
                keys.forEach(each -> table.row(each.id(), each.account(), each.state(), each.createdAt()));
                table.print(terminal.out());
            }
            return DONE;
        }
    }

    @Command(name = "disable", description = "Refuse requests signed with a key, until it is enabled again.")
    static final class Disable extends StoreCommand {
        @Parameters(paramLabel = "KEY", description = "the access key's id")
        private String id;

        Disable(Terminal terminal) {
            super(terminal);
        }

        @Override
        int run(StoreClient client) {
            terminal.say("key %s is %s", id, client.changeKey(id, false).state());
            return DONE;
        }
    }

    @Command(name = "enable", description = "Accept requests signed with a key again.")
    static final class Enable extends StoreCommand {
        @Parameters(paramLabel = "KEY", description = "the access key's id")
        private String id;

        Enable(Terminal terminal) {
            super(terminal);
        }

        @Override
        int run(StoreClient client) {
            terminal.say("key %s is %s", id, client.changeKey(id, true).state());
            return DONE;
        }
    }

    @Command(name = "delete", description = "Delete an access key for good.")
    static final class Delete extends StoreCommand {
        @Parameters(paramLabel = "KEY", description = "the access key's id")
        private String id;

        Delete(Terminal terminal) {
            super(terminal);
        }

        @Override
        int run(StoreClient client) {
            client.deleteKey(id);
            terminal.say("deleted key %s", id);
            return DONE;
        }
    }
}
