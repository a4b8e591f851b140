"""The Event Webhook of the fake: from accepted mails to signed posts.

`webhook_poster` reads the accepted mails page by page from the message store. `event_json` makes
the events of each mail, of the kinds that `faults.outcomes` draws for its address.
`webhook_batches` drops, repeats or shuffles the events where a fault script asks for it, and cuts
them into posts of at most 1,000 events. `signing` signs the body of each post, and the poster
delivers the post, tries it again after a refusal, and notes how far the store has been posted.
"""
