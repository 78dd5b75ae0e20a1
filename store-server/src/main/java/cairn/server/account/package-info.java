/**
 * Who may do what: accounts, their keys, and the tickets that open an export.
 *
 * <p>Start at {@link cairn.server.account.Accounts}. Always true: a secret is shown once, when it is made.
 */
package cairn.server.account;
