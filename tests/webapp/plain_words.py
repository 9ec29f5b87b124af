"""Plain words of headings, buttons and states that need no entry in the glossary.

A glossary word is not repeated here. Pronouns and question words do not belong here: a heading is a
noun, and a button is a verb with its object.
"""

PLAIN = """
a about across again all already and are as at available before besides both each either every for from has is
last no not of or other out per since the these this to under will with without yet your

acknowledge acknowledged active affected allowed apply approve attempt audited bigquery calendar cancel cancelling
case cells change changed check class clear close closed consequences code column command common compare copy correction count create
constant cutoff dark data date delete design did diff differ duplicate empty environment estimates evidence exclude file filter find fix force
format found
freshness game glossary go gone grid group guide high history home impossible input internal jump keep
kept keyboard large light link list load loaded loading log low map mark matching message mid minimum
missing month name new next none open option order outcome output outside over overwrites page panel
part partial password pausing plan play played player possible possibly preview previous problem processing progress query
queue rate refused renew reopen replaced rerun restore result revoke role rule runbook save saved scope search section select selected setting share
shell shortcut show skip slow source start started state status step stopped system table team term triage
type two unchanged undelivered undo unreachable unusual up update user validation value version vocabulary waiting warning watching whole
withdraw withdrawn written
"""
